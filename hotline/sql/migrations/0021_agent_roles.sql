-- Every role that somebody with a telephone of the hotline can have (ORG-20 to ORG-36): not a guest's, and not those of units, which
-- need an account with its unit.
ALTER TABLE agents DROP CONSTRAINT agents_role_check;
ALTER TABLE agents ADD CONSTRAINT agents_role_check CHECK (role IN (
    'agent', 'trainee', 'dispatcher', 'dispatch_lead', 'callback_agent', 'shift_leader', 'supervisor', 'supervision_office', 'quality',
    'office', 'leader', 'observer', 'editor', 'analyst', 'administrator'));
