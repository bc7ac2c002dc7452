-- How long each party took to answer. What `health_ms` says is how long the check of both took, with what it asked twice.

ALTER TABLE samples ADD COLUMN openai_ms BIGINT;
ALTER TABLE samples ADD COLUMN notion_ms BIGINT;
