"""Pages about people: signing in, their account, who is in the organisation, tokens, and the audit trail."""

from accounts.views.signing_in import home, sign_in, sign_out

__all__ = ["home", "sign_in", "sign_out"]
