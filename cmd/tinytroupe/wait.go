package main

import (
	"fmt"
	"time"
)

// longWait is a wait that whoever watches wants to know of.
const longWait = 2 * time.Second

// waiting says once that a call waits for long before it is tried again.
func (st *stack) waiting(wait time.Duration, after error) {
	if wait < longWait {
		return
	}
	st.waits.Do(func() {
		st.log.Warn(fmt.Sprintf("waiting %v before a call is tried again (said once): %v", wait.Round(100*time.Millisecond), after))
	})
}
