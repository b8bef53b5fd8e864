"""Who belongs to the organisation and what they may do there; invitations, and what the invited see."""

from __future__ import annotations

from smtplib import SMTPException

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import people, services
from accounts.current import organisation_where
from accounts.models import Invitation, Organisation, User
from accounts.people_forms import InviteForm, RoleForm, WelcomeForm
from accounts.roles import Permission, Role
from accounts.sayings import said
from accounts.views.account import signed_in_user


@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    return _page(request, organisation, InviteForm())


def _page(request: HttpRequest, organisation: Organisation, form: InviteForm, status: int = 200) -> HttpResponse:
    held: dict[User, list[Role]] = {}
    for membership in organisation.memberships.select_related("user").order_by("user__name", "user__email", "role"):
        held.setdefault(membership.user, []).append(Role(membership.role))
    members = [{"user": user, "roles": roles, "more": [role for role in Role if role not in roles]} for user, roles in held.items()]
    invitations = people.still_open().filter(organisation=organisation).select_related("invited_by")
    shown = {"organisation": organisation, "members": members, "invitations": invitations, "form": form}
    return render(request, "accounts/people.html", shown, status=status)


@require_POST
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, organisation, form)
    try:
        invitation, token = people.invite(
            organisation, form.cleaned_data["email"], Role(form.cleaned_data["role"]), by=signed_in_user(request)
        )
    except people.PeopleProblem as problem:
        form.add_error(None, str(problem))
        return _page(request, organisation, form)
    link = request.build_absolute_uri(reverse("accept_invitation", args=[token]))
    # Shown in the answer itself, never again: the link is kept nowhere.
    shown = {"invitation": invitation, "link": link, "mailed": _mailed(invitation, link)}
    return render(request, "accounts/invited.html", shown)


def _mailed(invitation: Invitation, link: str) -> bool:
    """Whether the mail server took the mail."""
    if settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend"):
        return False
    text = render_to_string("accounts/invitation.txt", {"invitation": invitation, "link": link})
    try:
        return bool(send_mail(said(f"Invitation to {' '.join(invitation.organisation.name.split())}"), text, None, [invitation.email]))
    except (OSError, SMTPException):
        return False


@require_POST
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    people.take_back(get_object_or_404(Invitation, organisation=organisation, pk=pk), by=signed_in_user(request))
    messages.success(request, "The invitation no longer works.")
    return redirect("people")


def _member(organisation: Organisation, pk: int) -> User:
    return get_object_or_404(User.objects.filter(memberships__organisation=organisation).distinct(), pk=pk)


@require_POST
def change(request: HttpRequest, pk: int, deed: str) -> HttpResponse:
    """Give or take a role, switch a member off or on. A refusal is one sentence above the list."""
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    member, by = _member(organisation, pk), signed_in_user(request)
    try:
        messages.success(request, _changed(request, organisation, member, deed, by))
    except (people.PeopleProblem, services.LastAdministrator) as problem:
        messages.error(request, str(problem))
    return redirect("people")


def _changed(request: HttpRequest, organisation: Organisation, member: User, deed: str, by: User) -> str:
    if deed == "off":
        people.switch_off(organisation, member, by=by)
        return f"{member.name} is switched off."
    if deed == "on":
        people.switch_on(organisation, member, by=by)
        return f"{member.name} is switched on."
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise people.PeopleProblem("Choose a role from the list.")
    role = Role(form.cleaned_data["role"])
    if deed == "give":
        people.give_role(organisation, member, role, by=by)
        return f"{member.name} is {role.label.lower()} now."
    services.remove_member(organisation, member, role, by=by)
    return f"{member.name} is no longer {role.label.lower()}."


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    invitation = people.invitation_of(token)
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    known = User.objects.filter(email=invitation.email).first()
    if request.user.is_authenticated and request.user != known:
        return render(request, "accounts/invitation_for_another.html", {"invitation": invitation}, status=403)
    if known is not None and not request.user.is_authenticated:
        return redirect(f"{reverse('sign_in')}?next={request.path}")
    form = WelcomeForm(request.POST or None, email=invitation.email) if known is None else None
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return render(request, "accounts/invitation.html", {"invitation": invitation, "form": form})
    try:
        if form is not None:
            people.accept_as_new(invitation, form.cleaned_data["name"], form.cleaned_data["password"])
        elif known is not None:
            people.accept(invitation, known)
    except people.PeopleProblem:
        return render(request, "accounts/invitation_gone.html", status=404)
    joined = f"You belong to {invitation.organisation.name} now."
    messages.success(request, joined if known else f"{joined} Sign in with your email address and the password you chose.")
    return redirect("home" if known else "sign_in")
