"""Every address of the service."""

from __future__ import annotations

from django.urls import include, path
from django.views.i18n import set_language

from holdfast.accounts import health, metrics
from holdfast.accounts.api.service import api
from holdfast.accounts.console.site import site as console
from holdfast.accounts.gate import views as gate
from holdfast.accounts.mail import outbox
from holdfast.accounts.people import colours, views
from holdfast.accounts.support import views as support

urlpatterns = [
    path("", views.home, name="home"),
    path("account/", views.own_account, name="own_account"),
    path("account/data/", views.my_data, name="my_data"),
    path("account/delete/", views.delete_me, name="delete_me"),
    path("account/sessions/<int:number>/end/", views.end_session, name="end_session"),
    path("account/session/", views.session, name="session"),
    path("reauthenticate/code/", views.step_up, name="step_up"),
    path("language/", set_language, name="language"),
    path("first/<str:token>/", views.first_admin_page, name="first_admin"),
    path("invitation/<str:token>/", views.invitation, name="invitation"),
    path("invite/", views.invite, name="invite"),
    path("sign-in/link/", views.ask_for_link, name="ask_for_link"),
    path("sign-in/link/<str:token>/", views.sign_in_link, name="sign_in_link"),
    path("break-glass/<str:token>/", views.break_glass, name="break_glass"),
    path("support/stop/<str:token>/", support.stop_removal, name="stop_removal"),
    path("colours.css", colours.colours, name="colours"),
    path("gate/<slug:route>/", gate.ask, name="gate"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/", api.urls),
    path("console/", console.urls),
    path("", include("holdfast.accounts.applications.urls")),
    path("", include("holdfast.accounts.connections.urls")),
    path("", include("holdfast.accounts.headless.urls")),
    path("", include("allauth.urls")),
]
