"""Pages from the answer on: results, review, findings, release, and the version they are about."""
