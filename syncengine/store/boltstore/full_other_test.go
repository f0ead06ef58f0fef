//go:build !linux

package boltstore_test

func fillUp(string) {}
