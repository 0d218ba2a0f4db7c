"""The provider's addresses, by allauth's names where it has them."""

from __future__ import annotations

from allauth.idp.oidc import views as allauth
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from holdfast.accounts.applications import authorize, device_pages, own_pages, views

_OIDC = [
    path(".well-known/openid-configuration", allauth.configuration, name="configuration"),
    path(".well-known/jwks.json", views.jwks, name="jwks"),
    path("openid/authorize", authorize.authorize, name="authorization"),
    path("openid/logout", csrf_exempt(views.Logout.as_view()), name="logout"),
    path("openid/token", views.token, name="token"),
    path("openid/revoke", views.revoke, name="revoke"),
    path("openid/introspect", views.introspect, name="introspect"),
    path("openid/userinfo", views.userinfo, name="userinfo"),
    path("openid/device-code", views.device, name="device_code"),
]
urlpatterns = [
    path("", include(([path("", include((_OIDC, "oidc")))], "idp"))),
    path(
        ".well-known/oauth-authorization-server", allauth.configuration, name="authorization_server"
    ),
    path("openid/consent", authorize.consent, name="consent"),
    path("account/applications/", own_pages.own_applications, name="own_applications"),
    path("account/applications/<str:client_id>/leave/", own_pages.leave, name="leave_application"),
    path("device", device_pages.typed, name="device"),
    path("device/allow", device_pages.allow, name="device_allow"),
]
