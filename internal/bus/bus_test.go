package bus_test

import (
	"testing"

	"usher/internal/bus"
	"usher/internal/bus/bustest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(*testing.T) bus.Bus { return bus.NewMemory() })
}

func TestMemory_isNotShared(t *testing.T) {
	t.Parallel()
	if bus.NewMemory().Shared() {
		t.Error("a bus in memory ends with its process")
	}
}
