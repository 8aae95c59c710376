"""Working days, due times, escalations (TIM). May import what ``crm`` may."""
