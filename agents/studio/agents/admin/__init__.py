"""The console's pages of agents: the list, and the tabs of one."""
