//go:build race

package main

// The race detector makes work several times slower.
const slowdown = 5
