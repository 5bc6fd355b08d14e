# The ./walker commands, for hands that type make. `make test ARGS="tests/hitl -x"` hands arguments on.
.PHONY: run test check bench pictures demo manage

run test check bench pictures demo manage:
	./walker $@ $(ARGS)
