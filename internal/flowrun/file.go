package flowrun

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strconv"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Fetcher gets files; *hook.Client does, behind its guard.
type Fetcher interface {
	Fetch(ctx context.Context, address string, most int64, take func(hook.File) error) error
}

// Files keeps files; *media.Store does.
type Files interface {
	Upload(ctx context.Context, actor account.Actor, service sid.SID, n media.NewMedia, body io.Reader) (media.Media, error)
}

// fileMost bounds a file that a flow sends, in bytes; a service may take less. Source: the largest of the original's messages by any
// carrier, 16 MB.
const fileMost = 16 << 20

// noFile is the code of a file that cannot be had. Source: the original's dictionary, "HTTP retrieval failure".
const noFile = 11200

// sendLater sets the job that fetches the file of a message and sends both.
func (r *FlowRun) sendLater(tx *db.Tx, x *studio.Execution, e engine.SendMessage) error {
	return r.Jobs.Enqueue(tx, job.Job{Queue: Calls, Unique: e.Token, Account: x.Account, Key: x.Key},
		call{Execution: x.SID, HTTPCall: engine.HTTPCall{Token: e.Token}, Send: &e})
}

// sendFile fetches the file of a message and sends the text, if there is one, and the file: two messages, because clients of the
// original show no text beside a file. The file is kept before the transaction; where that comes to nothing, nobody asks for it
// and it goes after a day.
func (r *FlowRun) sendFile(ctx context.Context, j job.Job, execution sid.SID, e engine.SendMessage) error {
	var service sid.SID
	name, alive := "", false
	err := r.db.View(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.ExecutionTx(tx, j.Account, execution)
		if fault.Is(err, fault.KindNotFound) || err != nil {
			return err
		}
		name, alive = addressee(&x, e), x.Active
		ch, err := r.Chat.ChannelTx(tx, j.Account, sid.SID(name))
		service = ch.ServiceSID
		return err
	})
	if fault.Is(err, fault.KindNotFound) || err == nil && !alive {
		return nil
	}
	if err != nil {
		return err
	}
	in := engine.Sent{Token: e.Token}
	file, err := r.keepFile(ctx, j.Account, service, e.MediaURL)
	if err != nil {
		var failed *hook.Error
		f := fault.Of(err)
		switch {
		case errors.As(err, &failed):
			in.Code, in.Message = noFile, "the file cannot be had: "+explain(failed)
		case j.Attempt < busyMost && f.Kind != fault.KindInvalid && f.Kind != fault.KindTooLarge:
			return err
		default:
			in.Code, in.Message = f.Code, f.Message
		}
		slog.Warn("a flow's file is not sent", "execution", execution, "code", in.Code)
		return r.answer(ctx, j.Account, execution, in)
	}
	return r.db.Do(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.ExecutionTx(tx, j.Account, execution)
		if err != nil || !x.Active {
			return err
		}
		said, err := r.say(tx, &x, e, file)
		if err != nil {
			return err
		}
		return r.step(tx, &x, said, &errand{})
	})
}

// keepFile brings what stands at an address into a service.
func (r *FlowRun) keepFile(ctx context.Context, acct int64, service sid.SID, address string) (file sid.SID, err error) {
	err = r.Fetcher.Fetch(ctx, address, fileMost, func(f hook.File) error {
		m, err := r.Files.Upload(ctx, account.System(acct, ""), service, media.NewMedia{Filename: f.Filename, ContentType: f.ContentType, Size: f.Size}, f.Body)
		file = m.SID
		return err
	})
	return file, err
}

// fileFields adds what a message carries to its fields, as webhooks and flows name it: those of the original's messages, whose
// addresses need the account's credentials, and those of chat.
func (r *FlowRun) fileFields(fields map[string]any, service sid.SID, m chat.MessageData) {
	fields["NumMedia"] = "0"
	if m.Media == nil {
		return
	}
	fields["EventType"], fields["NumMedia"] = mediaSent, "1"
	fields["MediaUrl0"] = r.Origin + "/mcs/v1/Services/" + string(service) + "/Media/" + string(m.Media.SID) + "/Content"
	fields["MediaContentType0"], fields["MediaContentType"] = m.Media.ContentType, m.Media.ContentType
	fields["MediaSid"], fields["MediaSize"] = string(m.Media.SID), strconv.FormatInt(m.Media.Size, 10)
	if m.Media.Filename != nil {
		fields["MediaFilename"] = *m.Media.Filename
	}
}

// mediaSent is the event of the compatible wire for a message that carries a file.
const mediaSent = "onMediaMessageSent"

// addFile is fileFields for a form.
func (r *FlowRun) addFile(form url.Values, service sid.SID, m chat.MessageData) url.Values {
	fields := map[string]any{}
	r.fileFields(fields, service, m)
	for name, value := range fields {
		if s, ok := value.(string); ok && (m.Media != nil || name != "NumMedia") {
			form.Set(name, s)
		}
	}
	return form
}
