"""What an application mounts in front of itself: sessions, tokens, CSRF, headers, errors, costs."""

from holdfast.guard.answers import Refusal as Refusal
from holdfast.guard.guard import Costs as Costs
from holdfast.guard.guard import Guard as Guard
from holdfast.guard.openid import Provider as Provider
from holdfast.guard.pages import Words as Words
from holdfast.guard.sessions import Person as Person
from holdfast.guard.sessions import Sessions as Sessions
from holdfast.guard.sorting import Sorting as Sorting
from holdfast.guard.visitor import Visitor as Visitor
