"""Placeholder until the passwords branch lands."""
def validators(configuration): return [{"NAME":"django.contrib.auth.password_validation.MinimumLengthValidator","OPTIONS":{"min_length":15}}]
def stands_alone(password): return len(password)>=15
