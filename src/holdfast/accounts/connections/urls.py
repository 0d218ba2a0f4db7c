"""The addresses of connections; those with a slug are what a provider is told."""

from __future__ import annotations

from django.urls import path

from holdfast.accounts.connections import views

urlpatterns = [
    path("sign-in/with/<slug:slug>/", views.begin, name="connection_begin"),
    path("sign-in/with/<slug:slug>/back/", views.come_back, name="connection_back"),
    path("sign-in/with/<slug:slug>/back/finish/", views.finish, name="connection_finish"),
    path("sign-in/with/<slug:slug>/metadata/", views.metadata, name="connection_metadata"),
]
