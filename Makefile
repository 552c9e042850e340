# Short names for the scripts in bin/; each runs without make as well.
# `make test-keys` takes an hour: is there a test for every key that fails when the key is ignored?
.PHONY: demo test test-long test-chaos test-keys lint bench bench-store setup
demo:
	@bin/demo
test:
	@bin/test
test-long:
	@bin/test -m long
test-chaos:
	@bin/test -m chaos
test-keys:
	@bin/test-keys
lint:
	@bin/lint
bench:
	@bin/bench $(NAME) --size $(or $(SIZE),100k) --store $(or $(STORE),sqlite)
bench-store:
	@bin/bench-store --size $(or $(SIZE),100k) --store $(or $(STORE),sqlite)
setup:
	@bin/setup
