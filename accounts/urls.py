"""Every address of the room. Names with account_, mfa_ and usersessions_ are those django-allauth knows its pages by."""

from django.urls import path

from accounts import single_sign_on
from accounts.current import switch_organisation
from accounts.language import choose_language
from accounts.views import account, audit, people, signing_in, tokens

PROVIDER = "single-sign-on"

urlpatterns = [
    path("sign-in/", signing_in.sign_in, name="sign_in"),
    path("sign-in/", signing_in.sign_in, name="account_login"),
    path("sign-in/code/", account.code_asked, name="mfa_authenticate"),
    path("sign-in/switched-off/", account.inactive, name="account_inactive"),
    path("sign-in/single-sign-on/", single_sign_on.start, {"provider_id": PROVIDER}, name="openid_connect_login"),
    path("sign-in/single-sign-on/callback/", single_sign_on.callback, {"provider_id": PROVIDER}, name="openid_connect_callback"),
    path("sign-in/turned-back/", single_sign_on.turned_back, name="socialaccount_login_cancelled"),
    path("sign-out/", signing_in.sign_out, name="sign_out"),
    path("account/", account.overview, name="account"),
    path("account/password/", account.new_password, name="account_change_password"),
    path("account/password/first/", account.first_password, name="account_set_password"),
    path("account/confirm/", account.password_again, name="account_reauthenticate"),
    path("account/confirm/code/", account.code_again, name="mfa_reauthenticate"),
    path("account/confirm/key/", account.key_again, name="mfa_reauthenticate_webauthn"),
    path("account/second-factor/", account.factors, name="mfa_index"),
    path("account/second-factor/", account.factors, name="mfa_list_webauthn"),
    path("account/second-factor/app/", account.switch_on_app, name="mfa_activate_totp"),
    path("account/second-factor/app/code.svg", account.app_code, name="app_code"),
    path("account/second-factor/app/off/", account.switch_off_app, name="mfa_deactivate_totp"),
    path("account/second-factor/recovery-codes/", account.recovery_codes, name="mfa_view_recovery_codes"),
    path("account/second-factor/recovery-codes/new/", account.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/second-factor/keys/add/", account.add_key, name="mfa_add_webauthn"),
    path("account/second-factor/keys/<int:pk>/remove/", account.remove_key, name="mfa_remove_webauthn"),
    path("account/sessions/", account.sessions, name="usersessions_list"),
    path("account/sessions/<int:pk>/end/", account.end_session, name="end_session"),
    path("account/sessions/end-others/", account.end_other_sessions, name="end_other_sessions"),
    path("account/organisation/", switch_organisation, name="switch_organisation"),
    path("language/", choose_language, name="choose_language"),
    path("account/tokens/", tokens.listed, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke, name="revoke_token"),
    path("people/", people.listed, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<int:pk>/take-back/", people.take_back, name="take_back_invitation"),
    path("people/<int:pk>/give/", people.change, {"deed": "give"}, name="give_role"),
    path("people/<int:pk>/take/", people.change, {"deed": "take"}, name="take_role"),
    path("people/<int:pk>/off/", people.change, {"deed": "off"}, name="switch_off"),
    path("people/<int:pk>/on/", people.change, {"deed": "on"}, name="switch_on"),
    path("audit/", audit.trail, name="audit"),
    path("audit/trail.csv", audit.export_csv, name="audit_csv"),
    path("audit/trail.jsonl", audit.export_json, name="audit_json"),
    path("invitation/<str:token>/", people.accept, name="accept_invitation"),
]
