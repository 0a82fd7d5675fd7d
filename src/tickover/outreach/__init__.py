"""The reference application: an outreach inbox with drafts, pipeline runs and memories."""
