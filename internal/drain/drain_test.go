package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// With a limit nothing waiting begins once one fails, without one all have begun; the
// error is the first that is no mere echo of the stop.
func TestEach(t *testing.T) {
	boom := errors.New("boom")
	for limit, want := range map[int][]int{0: {0, 1, 2, 3, 4}, 2: {0, 1, 2}} {
		synctest.Test(t, func(t *testing.T) {
			began := make([]bool, 5)
			err := Each(t.Context(), limit, len(began), func(ctx context.Context, i int) error {
				began[i] = true
				if i == 2 {
					time.Sleep(time.Second)
					return fmt.Errorf("%d: %w", i, boom)
				}
				if i == 1 && limit > 0 {
					time.Sleep(time.Minute / 2)
					return nil
				}
				if i == 0 && limit > 0 {
					return nil
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})
			var got []int
			for i, b := range began {
				if b {
					got = append(got, i)
				}
			}
			if !errors.Is(err, boom) || !slices.Equal(got, want) {
				t.Errorf("limit %d: %v began, %v", limit, got, err)
			}
		})
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := Each(ctx, 1, 1, func(context.Context, int) error { t.Error("begun"); return nil }); err != cause {
		t.Error(err)
	}
	if err := Each(ctx, 0, 0, nil); err != nil {
		t.Error(err)
	}
}
