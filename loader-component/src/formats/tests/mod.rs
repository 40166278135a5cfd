//! Files as their bytes: what loads, and what is refused and how, whatever the windows.
