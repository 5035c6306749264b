package payload

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 7_900_000, time.FixedZone("", 3600))
	text, err := json.Marshal(Date(at))
	if err != nil || string(text) != `"2026-11-20T11:00:00.007Z"` {
		t.Errorf("%s %v", text, err)
	}
	var back Date
	if err := json.Unmarshal(text, &back); err != nil || !time.Time(back).Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("%v %v", time.Time(back), err)
	}
	if At(time.Time{}) != nil || !time.Time(*At(at)).Equal(at) {
		t.Error("no time is null")
	}
}
