// Command testsum runs go test once or several times and ends with one line that a person and a build server both read:
//
//	412 passed, 0 failed
//
// Plain go test prints nothing about a test that skipped itself, so that a suite can shrink unseen. testsum names every skipped
// test with its reason, and where the environment says REQUIRE_ALL=1 counts it as failed.
//
// Arguments are those of go test; "--" separates one run from the next:
//
//	go run ./internal/testsum -count=1 ./... -- -race -short ./syncengine/...
//
// In a run with -short, tests are left out on purpose: they are counted, not named, and never fail.
// Tests, subtests, examples and the seeds of fuzz targets count alike; a package that doesn't build, or ends without its tests
// having failed, counts as one failure. The exit status is 0 when nothing failed, otherwise 1.
package main
