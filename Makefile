# Thin on purpose, and for make 3.81 too: what a target does is in deploy/.

.PHONY: help demo dev test check fmt model faults soak fuzz rehearse recovery bench bench-full docs deb deny

help:
	@echo "make demo    see it work: packages over three workers, on real data, in a folder that goes again"
	@echo "make dev     start everything on this machine, and keep it running (WORKERS=2)"
	@echo "make test    everything that is checked: format, lints, and all tests on private servers"
	@echo "make model   explore the protocol's model further than the tests do (SCOPES=\"name …\")"
	@echo "make check   format and lints only"
	@echo "make fmt     put the code into format"
	@echo "make faults  ten minutes of kills, cuts and full disks, judged by evidence (SEED=1 SECONDS=600)"
	@echo "make soak    an hour of steady load, and whether anything grows (SECONDS=3600)"
	@echo "make fuzz    the decoder of messages, expressions and the HTTP API, fuzzed for that long each (SEED=1 SECONDS=600)"
	@echo "make rehearse  a rolling upgrade from the version before (PREVIOUS=COMMIT), in every combination"
	@echo "make docs    write docs/settings.md anew, from default.toml, and docs/openapi.json, from the code"
	@echo "make deb     build the Debian package, and install, upgrade and remove it in a clean root"
	@echo "make deny    licences, sources and advisories of all dependencies, with cargo-deny"
	@echo "make recovery  measure how soon work goes on after the loss of a worker, a master, the broker"
	@echo "make bench   measure throughput, latency and work, and write benches/RESULTS.md"
	@echo "make bench-full  the same with four times as much, a million pending and ten million ended"

demo:
	@sh deploy/demo.sh

dev:
	@WORKERS="$(WORKERS)" sh deploy/dev.sh

test:
	@sh deploy/test.sh

model:
	@sh deploy/model.sh $(SCOPES)

check:
	@sh deploy/check.sh

fmt:
	@cargo fmt --all

rehearse:
	@PREVIOUS="$(PREVIOUS)" sh deploy/rehearse.sh

faults:
	@sh deploy/faults.sh run "$(SECONDS)" "$(FORMAT)" "$(SEED)"

soak:
	@sh deploy/faults.sh soak "$(SECONDS)" "$(FORMAT)"

fuzz:
	@SEED="$(SEED)" SECONDS="$(SECONDS)" sh deploy/fuzz.sh

recovery:
	@sh deploy/recovery.sh

bench:
	@sh deploy/bench.sh standard

bench-full:
	@sh deploy/bench.sh full

docs:
	@SCALEOUT_WRITE=1 cargo test --quiet --locked --workspace --test tidy the_page_of_settings
	@SCALEOUT_WRITE=1 cargo test --quiet --locked --workspace --test tidy the_openapi_document

deb:
	@sh deploy/deb.sh
	@sh deploy/deb-test.sh

deny:
	@cargo deny --version >/dev/null 2>&1 || { echo "make deny: install it first: cargo install cargo-deny --locked" >&2; exit 3; }
	@cargo deny check
