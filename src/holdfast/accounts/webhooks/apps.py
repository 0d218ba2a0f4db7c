"""The Django app of webhooks."""

from django.apps import AppConfig


class Webhooks(AppConfig):
    name = "holdfast.accounts.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from django.db.models.signals import post_delete, post_save

        from holdfast.accounts.trail import store
        from holdfast.accounts.webhooks import queue
        from holdfast.accounts.webhooks.models import Webhook

        store.listeners.append(queue.put)
        for changed in (post_save, post_delete):
            changed.connect(queue.follow, sender=Webhook, dispatch_uid="somebody listens")
