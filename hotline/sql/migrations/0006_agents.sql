-- Agents, their skills and sessions.
SELECT 1;
