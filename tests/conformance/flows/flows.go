// What a program in Go does about identity, and calls: `flows '[{"do": "list"}, …]'` prints one JSON line an action. A step may carry
// `client`: options of a client of its own, beside the one of the environment and the file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	modal "github.com/modal-labs/modal-client/go"
)

type step struct {
	Do, Name, App, Method string
	Environment           string
	Params                map[string]any
	Args                  []any
	Keys                  []string
	Env                   map[string]string
	Make, Spawn, Batch    bool
	Client                *struct{ TokenID, TokenSecret, Environment string }
}

func run(ctx context.Context, s step) (any, error) {
	params := &modal.ClientParams{}
	if s.Client != nil {
		params.TokenID, params.TokenSecret, params.Environment = s.Client.TokenID, s.Client.TokenSecret, s.Client.Environment
	}
	client, err := modal.NewClientWithOptions(params)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	switch s.Do {
	case "list":
		names := []string{}
		all, err := client.Environments.Objects.List(ctx)
		if err != nil {
			return nil, err
		}
		for environment, err := range all {
			if err != nil {
				return nil, err
			}
			names = append(names, environment.Name)
		}
		return names, nil
	case "call":
		function, err := client.Functions.FromName(ctx, s.App, s.Name, &modal.FunctionFromNameParams{Environment: s.Environment})
		if err != nil {
			return nil, err
		}
		return function.Remote(ctx, list(s.Args), nil)
	case "known":
		return known(ctx, client, s)
	case "pair":
		return pair(ctx, client, s)
	case "spawn":
		return spawn(ctx, client, s)
	case "result":
		found, err := client.FunctionCalls.FromID(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		now := time.Duration(0)
		return found.Get(ctx, &modal.FunctionCallGetParams{Timeout: &now})
	case "method":
		return callMethod(ctx, client, s)
	case "create":
		return s.Name, client.Environments.Objects.Create(ctx, s.Name, nil)
	case "delete":
		return s.Name, client.Environments.Objects.Delete(ctx, s.Name)
	case "look":
		environment, err := client.Environments.FromName(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return environment.Name, nil
	case "queue":
		return queue(ctx, client, s.Name)
	case "partitions":
		return partitions(ctx, client, s.Environment)
	case "elsewhere":
		return elsewhere(ctx, client, s.Name, s.Environment)
	case "given":
		return given(ctx, client, s)
	case "dropQueue":
		return s.Name, client.Queues.Delete(ctx, s.Name, nil)
	case "putOne":
		q, err := client.Queues.FromName(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return s.Name, q.Put(ctx, "from here", nil)
	case "takeOne":
		q, err := client.Queues.FromName(ctx, s.Name, &modal.QueueFromNameParams{CreateIfMissing: true})
		if err != nil {
			return nil, err
		}
		wait := 20 * time.Second
		return q.Get(ctx, &modal.QueueGetParams{Timeout: &wait})
	case "secret":
		secret, err := client.Secrets.FromName(ctx, s.Name, &modal.SecretFromNameParams{RequiredKeys: s.Keys})
		if err != nil {
			return nil, err
		}
		return secret.Name, nil
	case "volume":
		return volume(ctx, client, s.Name, s.Make)
	case "dropVolume":
		return s.Name, client.Volumes.Delete(ctx, s.Name, nil)
	case "dropSecret":
		return s.Name, client.Secrets.Delete(ctx, s.Name, nil)
	}
	return nil, errors.New("no such action: " + s.Do)
}

// The name of a named one; of an ephemeral one whether it has an id.
func volume(ctx context.Context, client *modal.Client, name string, create bool) (any, error) {
	if name != "" {
		v, err := client.Volumes.FromName(ctx, name, &modal.VolumeFromNameParams{CreateIfMissing: create})
		if err != nil {
			return nil, err
		}
		return v.Name, nil
	}
	v, err := client.Volumes.Ephemeral(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer v.CloseEphemeral()
	readOnly := true
	return strings.HasPrefix(v.WithMountOptions(&modal.VolumeMountOptionsParams{ReadOnly: &readOnly}).VolumeID, "vo-"), nil
}

// What is put, in order, then what is taken, read and left.
func queue(ctx context.Context, client *modal.Client, name string) (any, error) {
	var q *modal.Queue
	var err error
	if name == "" {
		q, err = client.Queues.Ephemeral(ctx, nil)
	} else {
		q, err = client.Queues.FromName(ctx, name, &modal.QueueFromNameParams{CreateIfMissing: true})
	}
	if err != nil {
		return nil, err
	}
	if name == "" {
		defer q.CloseEphemeral()
	}
	err = errors.Join(q.Put(ctx, "first", nil), q.PutMany(ctx, []any{2, "drei"}, nil), q.Put(ctx, "elsewhere", &modal.QueuePutParams{Partition: "p"}))
	if err != nil {
		return nil, err
	}
	seen := []any{}
	for value, err := range q.Iterate(ctx, nil) {
		if err != nil {
			return nil, err
		}
		seen = append(seen, value)
	}
	sizes := []int{}
	for _, params := range []*modal.QueueLenParams{nil, {Partition: "p"}, {Total: true}} {
		n, err := q.Len(ctx, params)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, n)
	}
	first, err := q.Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	more, err := q.GetMany(ctx, 5, nil)
	if err != nil {
		return nil, err
	}
	wait := 200 * time.Millisecond
	_, timedOut := q.Get(ctx, &modal.QueueGetParams{Timeout: &wait})
	var queueEmpty modal.QueueEmptyError
	empty := ""
	if errors.As(timedOut, &queueEmpty) {
		empty = "QueueEmptyError"
	}
	if err := q.Clear(ctx, &modal.QueueClearParams{All: true}); err != nil {
		return nil, err
	}
	left, err := q.Len(ctx, &modal.QueueLenParams{Total: true})
	return map[string]any{"seen": seen, "sizes": sizes, "taken": append([]any{first}, more...), "empty": empty, "left": left}, err
}

// What a partition of a queue in an environment says: taken, seen, left; and how full and old ones end.
func partitions(ctx context.Context, client *modal.Client, environment string) (any, error) {
	q, err := client.Queues.Ephemeral(ctx, &modal.QueueEphemeralParams{Environment: environment})
	if err != nil {
		return nil, err
	}
	defer q.CloseEphemeral()
	minute, second, short, moment := time.Minute, time.Second, 200*time.Millisecond, 500*time.Millisecond
	if err := q.PutMany(ctx, []any{1, 2, 3}, &modal.QueuePutManyParams{QueuePutParams: modal.QueuePutParams{Partition: "p", PartitionTTL: minute}}); err != nil {
		return nil, err
	}
	first, err := q.Get(ctx, &modal.QueueGetParams{Partition: "p"})
	if err != nil {
		return nil, err
	}
	more, err := q.GetMany(ctx, 5, &modal.QueueGetManyParams{QueueGetParams: modal.QueueGetParams{Partition: "p"}})
	if err != nil {
		return nil, err
	}
	_, timedOut := q.GetMany(ctx, 2, &modal.QueueGetManyParams{QueueGetParams: modal.QueueGetParams{Partition: "p", Timeout: &short}})
	empty, full := "", ""
	var queueEmpty modal.QueueEmptyError
	if errors.As(timedOut, &queueEmpty) {
		empty = "QueueEmptyError"
	}
	if err := q.Put(ctx, 4, &modal.QueuePutParams{Partition: "p"}); err != nil {
		return nil, err
	}
	seen, began := []any{}, time.Now()
	for value, err := range q.Iterate(ctx, &modal.QueueIterateParams{Partition: "p", ItemPollTimeout: moment}) {
		if err != nil {
			return nil, err
		}
		seen = append(seen, value)
	}
	waited := time.Since(began) >= 400*time.Millisecond
	if err := q.Clear(ctx, &modal.QueueClearParams{Partition: "p"}); err != nil {
		return nil, err
	}
	left, err := q.Len(ctx, &modal.QueueLenParams{Partition: "p"})
	if err != nil {
		return nil, err
	}
	if err := q.PutMany(ctx, []any{1, 2}, &modal.QueuePutManyParams{QueuePutParams: modal.QueuePutParams{Partition: "short", PartitionTTL: second}}); err != nil {
		return nil, err
	}
	for n := 0; n < 50; n++ {
		if err := q.PutMany(ctx, make([]any, 100), nil); err != nil {
			return nil, err
		}
	}
	var queueFull modal.QueueFullError
	if errors.As(q.Put(ctx, 1, &modal.QueuePutParams{Timeout: &short}), &queueFull) {
		full = "QueueFullError"
	}
	old := 1
	for end := time.Now().Add(20 * time.Second); old > 0 && time.Now().Before(end); {
		if old, err = q.Len(ctx, &modal.QueueLenParams{Partition: "short"}); err != nil {
			return nil, err
		}
	}
	return map[string]any{"taken": append([]any{first}, more...), "empty": empty, "seen": seen, "waited": waited, "left": left, "full": full, "old": old}, nil
}

// In an environment: objects that are made, found, dropped, and dropped again.
func elsewhere(ctx context.Context, client *modal.Client, name, environment string) (any, error) {
	_, noQueue := client.Queues.FromName(ctx, name, &modal.QueueFromNameParams{Environment: environment, CreateIfMissing: true})
	_, noVolume := client.Volumes.FromName(ctx, name, &modal.VolumeFromNameParams{Environment: environment, CreateIfMissing: true, Version: 2})
	ephemeral, err := client.Volumes.Ephemeral(ctx, &modal.VolumeEphemeralParams{Environment: environment})
	if err := errors.Join(noQueue, noVolume, err); err != nil {
		return nil, err
	}
	ephemeral.CloseEphemeral()
	missing := []string{}
	find := []func() error{
		func() error { _, err := client.Queues.FromName(ctx, name, nil); return err },
		func() error { _, err := client.Volumes.FromName(ctx, name, nil); return err },
	}
	drop := []func(allow bool) error{
		func(allow bool) error {
			return client.Queues.Delete(ctx, name, &modal.QueueDeleteParams{Environment: environment, AllowMissing: allow})
		},
		func(allow bool) error {
			return client.Volumes.Delete(ctx, name, &modal.VolumeDeleteParams{Environment: environment, AllowMissing: allow})
		},
	}
	for i := range find {
		if find[i]() != nil {
			missing = append(missing, "in the other one")
		}
		if err := errors.Join(drop[i](false), drop[i](true)); err != nil {
			return nil, err
		}
		if drop[i](false) != nil {
			missing = append(missing, "a second time")
		}
	}
	return missing, client.Secrets.Delete(ctx, name, &modal.SecretDeleteParams{Environment: environment, AllowMissing: true})
}

// A function with a secret of this program and a folder of a volume that it may only read.
func given(ctx context.Context, client *modal.Client, s step) (any, error) {
	volume, err := client.Volumes.FromName(ctx, "spoken-data", nil)
	if err != nil {
		return nil, err
	}
	secret, err := client.Secrets.FromMap(ctx, map[string]string{"GIVEN": "from here"}, nil)
	if err != nil {
		return nil, err
	}
	function, err := client.Functions.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	readOnly, subPath := true, "/sub"
	bound, err := function.WithOptions(&modal.FunctionWithOptionsParams{
		Secrets: []*modal.Secret{secret},
		Volumes: map[string]*modal.Volume{"/data": volume.WithMountOptions(&modal.VolumeMountOptionsParams{ReadOnly: &readOnly, SubPath: &subPath})},
	}).Instance(ctx)
	if err != nil {
		return nil, err
	}
	return bound.Remote(ctx, []any{}, nil)
}

func main() {
	var steps []step
	if err := json.Unmarshal([]byte(os.Args[1]), &steps); err != nil {
		panic(err)
	}
	for _, s := range steps {
		line := map[string]any{}
		if value, err := run(context.Background(), s); err != nil {
			line["error"] = err.Error()
		} else {
			line["ok"] = plain(value)
		}
		text, err := json.Marshal(line)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}
