package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/seal"
)

// rekeyBatch is how many rows one transaction of the sweep seals anew: it keeps a running server's writers waiting for some
// milliseconds.
const rekeyBatch = 200

// sealedTables lists the tables whose rows are sealed documents. Events and jobs are not among them: they pass, and the old
// key stays in the account's keyset.
var sealedTables = []string{
	"account", "account_key", "account_person", "account_session", "account_link",
	"chat_service", "chat_role", "chat_user", "chat_channel", "chat_member", "chat_message",
	"chat_invite", "chat_webhook", "chat_credential", "chat_binding", "chat_delivery",
	"flex_flow", "flex_contact", "flex_channel", "flex_configuration",
	"taskrouter_workspace", "taskrouter_activity", "taskrouter_channel", "taskrouter_queue", "taskrouter_workflow",
	"taskrouter_worker", "taskrouter_worker_channel", "taskrouter_task", "taskrouter_reservation",
	"studio_flow", "studio_revision", "studio_execution", "studio_step", "studio_test_line", "studio_function", "studio_assistant",
	"hook_delivery", "hook_body",
	"media", "media_rules",
	"messaging_connection", "messaging_message", "messaging_party", "messaging_number", "messaging_application", "messaging_service",
	"proxy_service", "proxy_number", "proxy_session", "proxy_participant", "proxy_interaction",
}

// rotate gives the main account a new primary key and seals its rows anew. A sweep that was cut goes on where it stood: run
// again, it is finished instead of begun anew.
func rotate(ctx context.Context, c Config, out io.Writer) (err error) {
	root, err := seal.ReadRoot(c.RootKey)
	if err != nil {
		return err
	}
	if c.Database == "" {
		if _, err := os.Stat(c.databaseURL()); err != nil {
			return fmt.Errorf("database: %w", err)
		}
	}
	d, err := db.Open(ctx, db.Options{URL: c.databaseURL(), Ring: seal.New(root)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	acct, err := account.New(account.Deps{DB: d}).MainAccount(ctx)
	if err != nil {
		return err
	}
	unfinished, err := sweeping(ctx, d, acct.ID)
	if err != nil {
		return err
	}
	if unfinished {
		fmt.Fprintf(out, "An earlier rotation of %s was cut; it goes on.\n", acct.SID)
	} else if err := d.RotateKeyset(ctx, acct.ID); err != nil {
		return err
	}
	n, err := sweep(ctx, d, acct.ID)
	if err != nil {
		return fmt.Errorf("%d rows were sealed anew, then: %w; run the command again to go on", n, err)
	}
	fmt.Fprintf(out, "%s has a new key; %d rows were sealed anew.\n", acct.SID, n)
	return nil
}

// sweeping says whether a sweep has begun and not ended.
func sweeping(ctx context.Context, d *db.DB, acct int64) (bool, error) {
	var n int64
	err := d.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("select count(*) from rekey where account_id = $1", acct).Scan(&n)
	})
	return n > 0, err
}

// sweep seals all rows of an account anew and returns how many it were. At its end it forgets its place, so that the next
// rotation is a new one.
func sweep(ctx context.Context, d *db.DB, acct int64) (n int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		done, changed, err := d.Rekey(ctx, acct, sealedTables, rekeyBatch)
		n += changed
		if err != nil {
			return n, err
		}
		if done {
			break
		}
	}
	return n, d.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("delete from rekey where account_id = $1", acct)
		return err
	})
}
