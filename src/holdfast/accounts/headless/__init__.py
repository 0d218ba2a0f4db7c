"""The API for an application's own sign-in form: allauth's headless one, for servers alone."""
