package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// serveOptions are the flags of `arpenteur serve`.
type serveOptions struct {
	data, listen, address, log string
	backup                     server.BackupPlan
	webhooks                   webhooks.Policy
}

// started is what a script is told when the server answers.
type started struct {
	Address string `json:"address"` // base URL
	Listen  string `json:"listen"`  // host and port
	Socket  string `json:"socket"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

// serveCommand is `arpenteur serve`.
func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	c := p.command("serve", 0, func(ctx context.Context, _ []string) error { return p.serve(ctx, o) })
	f := c.Flags()
	f.StringVar(&o.data, "data", "", p.say.Say("flag.data"))
	f.StringVar(&o.listen, "listen", "", p.say.Say("serve.flag.listen"))
	f.StringVar(&o.address, "address", "", p.say.Say("serve.flag.address"))
	f.StringVar(&o.log, "log", "info", p.say.Say("serve.flag.log"))
	f.StringVar(&o.backup.Folder, "backup-to", "", p.say.Say("serve.flag.backup_to"))
	f.DurationVar(&o.backup.Every, "backup-every", 24*time.Hour, p.say.Say("serve.flag.backup_every"))
	f.IntVar(&o.backup.Keep, "backup-keep", server.DefaultKeep, p.say.Say("admin.backup.flag.keep"))
	f.BoolVar(&o.backup.PurgeRedacted, "backup-purge-redacted", false, p.say.Say("admin.backup.flag.purge"))
	f.BoolVar(&o.webhooks.AllowHTTP, "webhook-allow-http", false, p.say.Say("serve.flag.webhook_http"))
	f.BoolVar(&o.webhooks.AllowPrivate, "webhook-allow-private", false, p.say.Say("serve.flag.webhook_private"))
	return c
}

// serve runs a server until it is told to stop.
func (p *program) serve(ctx context.Context, o serveOptions) (err error) {
	o.data = p.setting(o.data, "ARPENTEUR_DATA")
	if err := need(o.data, "data", "ARPENTEUR_DATA"); err != nil {
		return err
	}
	if err := p.checkPlan(&o.backup, o.data); err != nil {
		return err
	}
	log, err := p.logger(o.log)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return err
	}
	c, err := openCentral(ctx, o.data, true, server.Options{Log: log, Backup: o.backup, Webhooks: o.webhooks})
	if errors.Is(err, store.ErrLocked) {
		return failed(classStore, "serve.locked", "data", o.data).because(err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if o.listen = p.setting(o.listen, "ARPENTEUR_LISTEN"); o.listen == "" {
		o.listen = "127.0.0.1:8080"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return failed(classNetwork, "serve.listen", "address", o.listen).because(err)
	}
	defer listener.Close() //nolint:errcheck // it is closed already, unless the server could not be started
	if o.address = p.setting(o.address, "ARPENTEUR_ADDRESS"); o.address == "" {
		o.address = "http://" + listener.Addr().String()
	}
	c.Address = o.address
	socket, err := openSocket(ctx, filepath.Join(o.data, socketFile))
	if err != nil {
		return err
	}
	ready := started{o.address, listener.Addr().String(), filepath.Join(o.data, socketFile), os.Getpid(), versionText()}
	log.Info().Str("address", o.address).Str("listen", ready.Listen).Str("version", ready.Version).Msg("server answers")
	if err := p.announce(o.data, ready); err != nil {
		return errors.Join(err, socket.Close())
	}
	err = runBoth(ctx, c.Server, listener, socket)
	log.Info().Msg("server stopped")
	return errors.Join(err, os.Remove(filepath.Join(o.data, serverFile)))
}

// checkPlan completes the plan of backups from the environment, and refuses one that can't be followed.
func (p *program) checkPlan(plan *server.BackupPlan, data string) (err error) {
	if plan.Folder = p.setting(plan.Folder, "ARPENTEUR_BACKUP_TO"); plan.Folder == "" {
		return nil
	}
	switch {
	case filepath.Clean(plan.Folder) == filepath.Clean(data):
		return failed(classUsage, "serve.backup_own", "data", data)
	case plan.Every < time.Minute:
		return failed(classUsage, "usage.flag_invalid", "flag", "backup-every", "value", plan.Every)
	case plan.Keep < 1:
		return failed(classUsage, "usage.flag_invalid", "flag", "backup-keep", "value", plan.Keep)
	}
	plan.Folder, err = filepath.Abs(plan.Folder)
	return err
}

// announce says where the server answers: to a script, and in the data folder for commands that are given that.
func (p *program) announce(data string, ready started) error {
	raw, err := json.Marshal(ready)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, serverFile), raw, 0o600); err != nil || !p.json {
		return err
	}
	return writeJSON(p.out, ready)
}

// runBoth answers the network and the machine's own command line until ctx is done, or one of them fails.
func runBoth(ctx context.Context, s *server.Server, network, socket net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	local := make(chan error, 1)
	go func() {
		defer stop()
		local <- s.RunLocal(ctx, socket)
	}()
	err := s.Run(ctx, network)
	stop()
	return errors.Join(err, <-local)
}

// logger returns the log of a server: lines for people on their screen, JSON elsewhere.
func (p *program) logger(level string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		return zerolog.Nop(), failed(classUsage, "usage.flag_invalid", "flag", "log", "value", level)
	}
	to := p.err
	if terminal(p.err) {
		to = zerolog.ConsoleWriter{Out: p.err, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(to).Level(l).With().Timestamp().Logger(), nil
}

// maxSocketPath is the longest path that every system takes for a socket.
const maxSocketPath = 100

// openSocket listens on a unix socket that only its owner can reach. One that is left from a server that was killed is replaced: the
// store's lock says that no other server is at it.
func openSocket(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, failed(classUsage, "serve.long_path", "path", path, "n", maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := listenPrivate(ctx, path)
	if err != nil {
		return nil, failed(classOther, "serve.socket", "path", path).because(err)
	}
	return l, nil
}
