"""Pages about people: signing in, their account, who is in the organisation, tokens, and the audit trail."""
