"""Pages up to the answer: files coming in, data, drafts, the list of assessments, and one while it runs."""
