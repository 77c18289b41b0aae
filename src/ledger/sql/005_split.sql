-- How often in a row a deadline has broken the chunk off; what its process had no time for is cut into parts.
ALTER TABLE migration_status.migration_chunk_status
    ADD COLUMN deadline_breaks integer NOT NULL DEFAULT 0;
