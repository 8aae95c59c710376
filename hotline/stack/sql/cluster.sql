-- Run in single-user mode: one statement a line is what that mode reads, so the loader's text is joined before it is sent.
-- $owner_password and $application_password are replaced by quoted literals.

-- name: create_owner
CREATE ROLE hotline_owner LOGIN PASSWORD $owner_password

-- name: create_application
CREATE ROLE hotline LOGIN PASSWORD $application_password

-- name: create_database
CREATE DATABASE hotline OWNER hotline_owner

-- name: owner_password
ALTER ROLE hotline_owner PASSWORD $owner_password

-- name: application_password
ALTER ROLE hotline PASSWORD $application_password

-- name: connect_only_the_two
REVOKE ALL ON DATABASE hotline FROM PUBLIC

-- name: application_connects
GRANT CONNECT, TEMPORARY ON DATABASE hotline TO hotline

-- name: application_sees
GRANT USAGE ON SCHEMA public TO hotline

-- name: application_writes_rows
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hotline

-- name: application_counts
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO hotline
