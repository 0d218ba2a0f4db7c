"""The provider's addresses: those of allauth that are offered here, by allauth's names."""

from __future__ import annotations

from allauth.idp.oidc import views as allauth
from django.urls import include, path

from holdfast.accounts.applications import views

_OIDC = [
    path(".well-known/openid-configuration", allauth.configuration, name="configuration"),
    path(".well-known/jwks.json", allauth.jwks, name="jwks"),
    path("openid/authorize", views.authorize, name="authorization"),
    path("openid/logout", allauth.logout, name="logout"),
    path("openid/token", views.token, name="token"),
    path("openid/revoke", allauth.revoke, name="revoke"),
    path("openid/userinfo", allauth.user_info, name="userinfo"),
    path("openid/device", views.not_offered, name="device_code"),
    path("openid/device/confirm", views.not_offered, name="device_authorization"),
]
urlpatterns = [path("", include(([path("", include((_OIDC, "oidc")))], "idp")))]
