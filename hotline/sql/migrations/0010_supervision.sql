-- Supervision of live calls.
SELECT 1;
