-- Routing.
SELECT 1;
