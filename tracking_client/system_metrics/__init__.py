"""What the machine is doing while a run lasts, logged beside what the run measures itself.

Names and units are MLflow's: `system/cpu_utilization_percentage`, `system/disk_available_megabytes` and so
on; a megabyte is a million bytes. `samplers` says what is read, `monitor` when.
"""
