"""Drafts into Slack: shown to reviewers, posted once where one of them approves, and not where somebody answered."""
