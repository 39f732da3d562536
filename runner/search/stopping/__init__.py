"""Rules that stop a running trial by the values that it logs. Pure: no I/O, no clock, no chance."""
