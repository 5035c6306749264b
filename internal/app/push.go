package app

import (
	devices "usher/internal/chat/push"
	"usher/internal/connector/apns"
	"usher/internal/connector/fcm"
	"usher/internal/push"
)

// newPush makes what tells devices, with the push services of the configuration.
func (p *parts) newPush() *push.Push {
	google := fcm.New(fcm.Options{URL: p.config.FCMURL, TokenURL: p.config.FCMTokenURL})
	return push.New(push.Deps{
		DB: p.db, Chat: p.chat, Devices: p.devices, Jobs: p.jobs,
		Carriers: map[devices.Kind]push.Carrier{
			devices.APN: apns.New(apns.Options{URL: p.config.APNsURL, SandboxURL: p.config.APNsSandboxURL}),
			devices.FCM: google, devices.GCM: google,
		},
	})
}
