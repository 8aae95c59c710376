"""Messages left on the line: each becomes one draft ticket and a line of the morning's work list (IVR-08 to IVR-11, TIM-02)."""
