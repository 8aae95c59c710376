-- Three-way calls with undertaking units.
SELECT 1;
