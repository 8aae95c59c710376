-- Call control: outbound calls, quality flags, malicious callers.
SELECT 1;
