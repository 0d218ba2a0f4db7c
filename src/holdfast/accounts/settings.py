"""Django's settings: what the configuration says, in Django's and django-allauth's words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from holdfast import work
from holdfast.accounts import databases, logs
from holdfast.accounts.applications import signing_key
from holdfast.accounts.configuration import current, said
from holdfast.accounts.console import appearance
from holdfast.accounts.mail import servers
from holdfast.accounts.passwords import hashers, policy
from holdfast.accounts.secret_key import secret_key
from holdfast.accounts.support import channels

HERE = Path(__file__).parent
HOLDFAST = current()
SECURE = HOLDFAST.origin.startswith("https://")

SECRET_KEY = secret_key(HOLDFAST.data) if said() else ""
DEBUG = HOLDFAST.debug
ALLOWED_HOSTS = [HOLDFAST.hostname]
CSRF_TRUSTED_ORIGINS = [HOLDFAST.origin]
ROOT_URLCONF = "holdfast.accounts.urls"
WSGI_APPLICATION = "holdfast.accounts.wsgi.application"
INSTALLED_APPS = [
    "unfold",  # before what it dresses
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "allauth.headless",
    "allauth.idp.oidc",
    "holdfast.accounts.people",  # after allauth, whose signals it takes over
    "holdfast.accounts.mail",
    "holdfast.accounts.passwords",
    "holdfast.accounts.trail",
    "holdfast.accounts.search",
    "holdfast.accounts.webhooks",
    "holdfast.accounts.gate",
    "holdfast.accounts.applications",
    "holdfast.accounts.connections",
    "holdfast.accounts.support",
    "holdfast.accounts.api",
    "holdfast.accounts.console",
    "ninja",  # its page at /api/docs, with scripts of our own server
]
MIDDLEWARE = [
    "holdfast.accounts.requests.Requests",
    "holdfast.accounts.requests.BoundedBody",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "holdfast.accounts.requests.ContentSecurity",
    "holdfast.accounts.headless.admission.Admission",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "holdfast.accounts.people.session_limits.SessionLimits",
    "holdfast.accounts.support.refusals.Refusals",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "holdfast.accounts.gate.middleware.GateMiddleware",
    "holdfast.accounts.requests.Busy",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "holdfast.accounts.people.look.look",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
STATICFILES_DIRS = [HERE / "static", ("work", work.WEB)]
STATIC_URL = "/static/"
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

DATABASES = {"default": databases.database(HOLDFAST)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": databases.cache(HOLDFAST)}

LANGUAGE_CODE = HOLDFAST.look.languages[0]
LANGUAGES = [
    (code, {"en": _("English"), "de": _("German")}[code]) for code in HOLDFAST.look.languages
]
LOCALE_PATHS = [HERE / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# What a browser may do with what it gets.
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HOLDFAST.proxies else None
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(HOLDFAST.sessions.remembered.total_seconds())
SESSION_ENGINE = "holdfast.accounts.people.session_store"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SECURE

# What a request may hold.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024  # requests.BoundedBody bounds each route
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# Passwords.
AUTH_USER_MODEL = "people.Person"
PASSWORD_HASHERS = hashers.names(HOLDFAST)
AUTH_PASSWORD_VALIDATORS = policy.validators(HOLDFAST)
AUTHENTICATION_BACKENDS = ["holdfast.accounts.people.backend.ByHandle"]
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())

# Mail.
EMAIL_BACKEND = servers.backend(HOLDFAST)
EMAIL_FILE_PATH = HOLDFAST.data / "outbox"
DEFAULT_FROM_EMAIL = HOLDFAST.sender
SERVER_EMAIL = HOLDFAST.sender

# Signing up and in.
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "own_account"
ACCOUNT_ADAPTER = "holdfast.accounts.people.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username", "password1*"]
ACCOUNT_FORMS = {
    "login": "holdfast.accounts.people.sign_in.SignInForm",
    "signup": "holdfast.accounts.people.sign_up.SignUpForm",
    "confirm_login_code": "holdfast.accounts.people.flows.mailed_code.MailedCodeForm",
}
ACCOUNT_SIGNUP_FORM_CLASS = "holdfast.accounts.people.profile_form.ProfileForm"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_USERNAME_VALIDATORS = "holdfast.accounts.people.names.VALIDATORS"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = HOLDFAST.sign_up.verify == "code"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(HOLDFAST.origin).scheme
ALLAUTH_TRUSTED_PROXY_COUNT = HOLDFAST.proxies
# The gate stands in front of these (accounts/gate/places.py): a limit that refuses would let
# anybody lock an account's owner out.
ACCOUNT_RATE_LIMITS = dict.fromkeys(
    ("login", "login_failed", "signup", "reset_password", "request_login_code", "reauthenticate")
)

# The second factor.
MFA_ADAPTER = "holdfast.accounts.people.factors.Adapter"
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
MFA_TOTP_ISSUER = HOLDFAST.look.name
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = HOLDFAST.sessions.trusted_device
USERSESSIONS_TRACK_ACTIVITY = False

# Identity providers that people sign in with; which, is set up in the console.
SOCIALACCOUNT_ADAPTER = "holdfast.accounts.connections.adapter.Adapter"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
SOCIALACCOUNT_STORE_TOKENS = False

# Applications that people sign in to.
IDP_OIDC_ADAPTER = "holdfast.accounts.applications.adapter.Adapter"
if said():
    signing_key.ready(HOLDFAST.data)

# Applications with a sign-in form of their own.
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "holdfast.accounts.headless.sessions.Tokens"  # noqa: S105

# The support desk.
channels.check(HOLDFAST)

UNFOLD = appearance.unfold(HOLDFAST.look)

LOGGING = logs.settings(HOLDFAST)
LOGGING_CONFIG = "logging.config.dictConfig"
SILENCED_SYSTEM_CHECKS = ["models.W037"]  # MariaDB goes without some indexes
