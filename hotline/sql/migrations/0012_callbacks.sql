-- The call-back list.
SELECT 1;
