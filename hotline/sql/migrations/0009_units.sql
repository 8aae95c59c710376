-- Undertaking units and ticket drafts.
SELECT 1;
