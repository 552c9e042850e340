# Short names for the scripts in bin/; each runs without make as well.
.PHONY: demo test test-long test-chaos lint bench bench-store setup
demo:
	@bin/demo
test:
	@bin/test
test-long:
	@bin/test -m long
test-chaos:
	@bin/test -m chaos
lint:
	@bin/lint
bench:
	@bin/bench $(NAME) --size $(or $(SIZE),100k) --store $(or $(STORE),sqlite)
bench-store:
	@bin/bench-store --size $(or $(SIZE),100k) --store $(or $(STORE),sqlite)
setup:
	@bin/setup
