package record

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A LockedError says that another process holds a record.
type LockedError struct {
	Dir string
	PID int // 0 when it is not known
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID == os.Getpid() {
		who = fmt.Sprintf("this process (pid %d)", e.PID)
	} else if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s", e.Dir, who)
}

var errLocked = errors.New("locked")

// takeLock takes the lock that the system releases when the process ends, however it
// ends. The file names the holder for those who are refused.
func (r *Record) takeLock() error {
	f, err := r.root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// List looks whether a record is locked by locking it for an instant.
	for range 5 {
		if err = tryLock(f); !errors.Is(err, errLocked) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if errors.Is(err, errLocked) {
		e := &LockedError{Dir: r.dir}
		if data, err := r.root.ReadFile(lockFile); err == nil {
			e.PID, _ = strconv.Atoi(strings.TrimSpace(string(data)))
		}
		f.Close()
		return e
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("lock: %w", err)
	}
	r.lock = f
	return nil
}

// locked reports whether a process holds the record.
func locked(root *os.Root) bool {
	f, err := root.OpenFile(lockFile, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(tryLock(f), errLocked)
}
