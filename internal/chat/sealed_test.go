package chat

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"usher/internal/account"
	"usher/internal/db/dbtest"
)

// Nothing that a customer wrote or is called is in the files as text.
func TestSealing_leavesNoPlainText(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	w := newWorld(t, dbtest.Open(t, path))
	const canary = "Canary7f3a"
	ch, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{
		FriendlyName: canary + "Name", UniqueName: canary + "Unique", Attributes: `{"x":"` + canary + `Channel"}`, CreatedBy: canary + "Creator", Key: w.key,
	})
	want(t, err, 0)
	_, err = w.AddMember(ctx(), w.owner, w.place(ch), NewMember{
		Identity: canary + "Identity", FriendlyName: canary + "User", Attributes: `{"x":"` + canary + `Member"}`,
	})
	want(t, err, 0)
	ada := w.as(account.RoleVisitor, canary+"Identity")
	m, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Body: canary + "Body", Attributes: `{"x":"` + canary + `"}`, ClientID: canary + "Client"})
	want(t, err, 0)
	_, err = w.UpdateMessage(ctx(), ada, w.place(ch), m.SID, MessageChange{Body: ptr(canary + "Edit")})
	want(t, err, 0)
	want(t, w.Read(ctx(), ada, ch.SID, 0), 0)
	files, err := filepath.Glob(path + "*")
	want(t, err, 0)
	for _, name := range files {
		content, err := os.ReadFile(name)
		want(t, err, 0)
		if i := bytes.Index(content, []byte(canary)); i >= 0 {
			t.Errorf("%s holds %q", filepath.Base(name), content[i:min(i+40, len(content))])
		}
	}
}
