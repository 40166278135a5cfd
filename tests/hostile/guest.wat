;; A component that means harm: `slots` in the options of `open` chooses how. What it survives it answers as a model with one
;; tensor of 16 bytes. cases.json says what has to become of each; README.md says which hosts run them. The names and the
;; flattened signatures are those of the canonical ABI.
(module
  (import "weighbridge:loader/storage@0.1.0" "get-capabilities" (func $capabilities (param i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]source.stat" (func $stat (param i32 i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]source.read" (func $read (param i32 i64 i32 i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]source.map-range" (func $map (param i32 i64 i64 i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]mapping.id" (func $mapping-id (param i32) (result i64)))
  (import "weighbridge:loader/storage@0.1.0" "[method]mapping.advise" (func $advise (param i32 i64 i64 i32 i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]mapping.unmap" (func $unmap (param i32 i32)))
  (import "weighbridge:loader/storage@0.1.0" "[resource-drop]source" (func $drop-source (param i32)))
  (import "weighbridge:loader/storage@0.1.0" "[resource-drop]mapping" (func $drop-mapping (param i32)))
  (import "weighbridge:loader/storage@0.1.0" "[method]target.id" (func $target-id (param i32) (result i64)))
  (import "weighbridge:loader/storage@0.1.0" "allocate" (func $allocate (param i64 i32)))
  (import "weighbridge:loader/storage@0.1.0" "read-into" (func $read-into (param i32 i32 i32 i32 i32 i32 i32)))
  (import "weighbridge:loader/observer@0.1.0" "add-names" (func $add-names (param i32 i32)))
  (import "weighbridge:loader/observer@0.1.0" "emit" (func $emit (param i32 i32)))
  (import "[export]weighbridge:loader/loader@0.1.0" "[resource-new]session" (func $session-new (param i32) (result i32)))

  ;; 2 MiB. Bytes 0–255 stay zero: an empty list, and an `ok` of anything. From 128 KiB on zeros, from 64 KiB on the heap.
  (memory (export "memory") 32)
  (table 1 funcref)
  (global $heap (mut i32) (i32.const 65536))
  (global $mapping (mut i32) (i32.const 0))
  (global $target (mut i32) (i32.const 0))
  ;; 1: `load` says that all went well. 2: `missing` names one file more each time.
  (global $loads (mut i32) (i32.const 0))
  (global $misses (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (local.get $at))

  ;; The answer at 320 must be an error, or this guest has done what it may not.
  (func $refused (if (i32.eqz (i32.load8_u (i32.const 320))) (then unreachable)))
  (func $done (if (i32.load8_u (i32.const 320)) (then unreachable)))
  (func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

  ;; Maps the file's first 4096 bytes and says that the tensor lies there.
  (func $map-first (param $source i32)
    (call $map (local.get $source) (i64.const 0) (i64.const 4096) (i32.const 320)) (call $done)
    (global.set $mapping (i32.load (i32.const 324)))
    (i64.store (i32.const 752) (call $mapping-id (global.get $mapping))))

  ;; Memory of the host, and that the tensor lies in it from its first byte on.
  (func $take-target
    (call $allocate (i64.const 4096) (i32.const 320)) (call $done)
    (global.set $target (i32.load (i32.const 324)))
    (i32.store8 (i32.const 720) (i32.const 2))
    (i32.store8 (i32.const 744) (i32.const 1))
    (i64.store (i32.const 752) (call $target-id (global.get $target))))

  ;; Moves bytes of the file to the first bytes of that memory.
  (func $move (param $source i32) (param $offset i64) (param $len i64)
    (i32.store (i32.const 1160) (local.get $source))
    (i32.store (i32.const 1164) (global.get $target))
    (i64.store (i32.const 1208) (local.get $offset))
    (i64.store (i32.const 1216) (local.get $len))
    (call $read-into (i32.const 1160) (i32.const 1) (i32.const 1164) (i32.const 1) (i32.const 1200) (i32.const 1) (i32.const 320)))

  ;; As many of one file, from 128 KiB on.
  (func $many-sources (param $source i32) (param $count i32)
    (local $at i32)
    (local.set $at (i32.const 131072))
    (loop $again
      (i32.store (local.get $at) (local.get $source))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $again (i32.lt_u (local.get $at) (i32.add (i32.const 131072) (i32.mul (local.get $count) (i32.const 4)))))))

  (func $is (param $how i32) (param $which i32) (result i32) (i32.eq (local.get $how) (local.get $which)))

  (func $attack-more (param $how i32) (param $source i32)
    ;; 21: reads the same header bytes until the host says no.
    (if (call $is (local.get $how) (i32.const 21)) (then
      (loop $again (call $read (local.get $source) (i64.const 0) (i32.const 4096) (i32.const 320))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 320))))) (return)))
    ;; 22: moves the same bytes until the host says no.
    (if (call $is (local.get $how) (i32.const 22)) (then
      (call $take-target)
      (loop $again (call $move (local.get $source) (i64.const 0) (i64.const 4096))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 320))))) (return)))
    ;; 23: batches of spans that move nothing.
    (if (call $is (local.get $how) (i32.const 23)) (then
      (call $take-target)
      (i32.store (i32.const 1160) (local.get $source)) (i32.store (i32.const 1164) (global.get $target))
      (loop $again
        (call $read-into (i32.const 1160) (i32.const 1) (i32.const 1164) (i32.const 1) (i32.const 131072) (i32.const 49000) (i32.const 320))
        (br $again))))
    ;; 24: batches with one file 60,000 times, each of which the host has to ask for.
    (if (call $is (local.get $how) (i32.const 24)) (then
      (call $many-sources (local.get $source) (i32.const 60000))
      (loop $again
        (call $read-into (i32.const 131072) (i32.const 60000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 320))
        (br $again))))
    ;; 25: a batch with more files than a batch may have.
    (if (call $is (local.get $how) (i32.const 25)) (then
      (call $many-sources (local.get $source) (i32.const 70000))
      (call $read-into (i32.const 131072) (i32.const 70000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 320))
      (call $refused) (return)))
    ;; 26: a name of 2,000 bytes.
    (if (call $is (local.get $how) (i32.const 26)) (then
      (i32.store (i32.const 1160) (i32.const 131072)) (i32.store (i32.const 1164) (i32.const 2000))
      (call $add-names (i32.const 1160) (i32.const 1)) (return)))
    ;; 27: says that it has 4,294,967,295 tensors, and lists them one by one.
    (if (call $is (local.get $how) (i32.const 27)) (then (i32.store (i32.const 540) (i32.const -1)) (return)))
    ;; 28: a tensor whose name has 1,900,000 bytes.
    (if (call $is (local.get $how) (i32.const 28)) (then
      (i32.store (i32.const 640) (i32.const 131072)) (i32.store (i32.const 644) (i32.const 1900000)) (return)))
    ;; 29: names 100,000 further files.
    (if (call $is (local.get $how) (i32.const 29)) (then
      (i32.store (i32.const 840) (i32.const 131072)) (i32.store (i32.const 844) (i32.const 100000)) (return)))
    ;; 30: asks for a file that it was given. Its name is `t`, as the tensor's.
    (if (call $is (local.get $how) (i32.const 30)) (then (call $miss) (return)))
    ;; 31: names one more file after another: a, b, c …
    (if (call $is (local.get $how) (i32.const 31)) (then
      (i32.store8 (i32.const 900) (i32.const 97)) (global.set $misses (i32.const 1)) (call $miss) (return)))
    ;; 32: names a file outside the folder.
    (if (call $is (local.get $how) (i32.const 32)) (then
      (i32.store (i32.const 900) (i32.const 0x782f2e2e)) (call $miss) (i32.store (i32.const 852) (i32.const 4)) (return)))
    ;; 33: says that the load went well, and did nothing.
    (if (call $is (local.get $how) (i32.const 33)) (then (global.set $loads (i32.const 1)) (return)))
    ;; 34: says that the tensor was loaded, and moved nothing.
    (if (call $is (local.get $how) (i32.const 34)) (then
      (global.set $loads (i32.const 1)) (i32.store (i32.const 1044) (i32.const 1)) (i64.store (i32.const 1048) (i64.const 16)) (return)))
    ;; 35: says that the tensor lies in memory that nothing was moved to.
    (if (call $is (local.get $how) (i32.const 35)) (then (call $take-target) (return)))
    ;; 36: … that other bytes were moved to.
    (if (call $is (local.get $how) (i32.const 36)) (then
      (call $take-target) (call $move (local.get $source) (i64.const 64) (i64.const 16)) (call $done) (return)))
    ;; 37: … that a part of its bytes was moved to.
    (if (call $is (local.get $how) (i32.const 37)) (then
      (call $take-target) (call $move (local.get $source) (i64.const 0) (i64.const 15)) (call $done) (return)))
    ;; 38: … that its bytes were moved to, and then others over them.
    (if (call $is (local.get $how) (i32.const 38)) (then
      (call $take-target)
      (call $move (local.get $source) (i64.const 0) (i64.const 16)) (call $done)
      (call $move (local.get $source) (i64.const 100) (i64.const 4)) (call $done) (return)))
    ;; 39: moves its bytes there, as it should.
    (if (call $is (local.get $how) (i32.const 39)) (then
      (call $take-target) (call $move (local.get $source) (i64.const 0) (i64.const 16)) (call $done) (return)))
    ;; 40: maps until the host says no.
    (if (call $is (local.get $how) (i32.const 40)) (then
      (loop $again (call $map (local.get $source) (i64.const 0) (i64.const 4096) (i32.const 320))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 320))))) (return)))
    ;; 41: takes memory by the MiB until the host says no.
    (if (call $is (local.get $how) (i32.const 41)) (then
      (loop $again (call $allocate (i64.const 1048576) (i32.const 320))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 320))))) (return)))
    unreachable)

  ;; `missing` has one name.
  (func $miss
    (i32.store (i32.const 840) (i32.const 848)) (i32.store (i32.const 844) (i32.const 1))
    (i32.store (i32.const 848) (i32.const 900)) (i32.store (i32.const 852) (i32.const 1)))

  (func $attack (param $how i32) (param $source i32)
    (block $default
      (block $20 (block $19 (block $18 (block $17 (block $16 (block $15 (block $14 (block $13 (block $12 (block $11
      (block $10 (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
        (br_table $default $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $15 $16 $17 $18 $19 $20 $default
          (local.get $how)))
      ;; 1: loops for ever.
      (loop $again (br $again)))
      ;; 2: grows memory to the limit, then gives up as an allocator would.
      (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)
      ;; 3: passes a huge list.
      (call $add-names (i32.const 131072) (i32.const 1))
      (call $emit (i32.const 131072) (i32.const 70000)) return)
      ;; 4: opens handles until there are no more.
      (loop $again (call $allocate (i64.const 1) (i32.const 320)) (br_if $again (i32.eqz (i32.load8_u (i32.const 320))))) return)
      ;; 5: uses a handle that it dropped.
      (call $drop-source (local.get $source)) (call $stat (local.get $source) (i32.const 320)) return)
      ;; 6: uses a handle that it never had.
      (call $stat (i32.const 12345) (i32.const 320)) return)
      ;; 7: uses memory as if it were a file.
      (call $allocate (i64.const 1) (i32.const 320)) (call $stat (i32.load (i32.const 324)) (i32.const 320)) return)
      ;; 8: asks for spans outside the file, and of nothing.
      (call $read (local.get $source) (i64.const -1) (i32.const 1) (i32.const 320)) (call $refused)
      (call $read (local.get $source) (i64.const 0) (i32.const -1) (i32.const 320)) (call $refused)
      (call $map (local.get $source) (i64.const 0) (i64.const -1) (i32.const 320)) (call $refused)
      (call $map (local.get $source) (i64.const -4096) (i64.const 8192) (i32.const 320)) (call $refused)
      (call $map (local.get $source) (i64.const 0) (i64.const 0) (i32.const 320)) (call $refused)
      (call $map (local.get $source) (i64.const 1) (i64.const 1) (i32.const 320)) (call $refused)
      (call $allocate (i64.const -1) (i32.const 320)) (call $refused)
      (call $map-first (local.get $source))
      (call $advise (global.get $mapping) (i64.const 4096) (i64.const -4096) (i32.const 4) (i32.const 320)) (call $refused)
      ;; A batch of one span whose indices are those of nothing: no sources, no targets.
      (call $read-into (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 131072) (i32.const 1) (i32.const 320))
      (call $refused) return)
      ;; 9: floods the observer with entries.
      (call $add-names (i32.const 131072) (i32.const 1))
      (loop $again (call $emit (i32.const 131072) (i32.const 1000)) (br $again)))
      ;; 10: floods the observer with names.
      (loop $again (call $add-names (i32.const 131072) (i32.const 100000)) (br $again)))
      ;; 11: asks for ever.
      (loop $again (call $capabilities (i32.const 320)) (br $again)))
      ;; 12: calls itself for ever.
      (drop (call $deep (i32.const 0))) return)
      ;; 13: makes handles of its own without end.
      (loop $again (drop (call $session-new (i32.const 1))) (br $again)))
      ;; 14: fails.
      unreachable)
      ;; 15: says that its tensor lies in a mapping that is not there.
      (call $map-first (local.get $source)) (i64.store (i32.const 752) (i64.const 999)) return)
      ;; 16: says that its tensor lies beyond the mapping.
      (call $map-first (local.get $source)) (i64.store (i32.const 760) (i64.const 4090)) (i64.store (i32.const 672) (i64.const 4090)) return)
      ;; 17: says that its tensor lies elsewhere than the header says.
      (call $map-first (local.get $source)) (i64.store (i32.const 760) (i64.const 64)) return)
      ;; 18: tells of names that it never gave.
      (call $emit (i32.const 131072) (i32.const 1)) return)
      ;; 19: drops the mapping that it says its tensor lies in.
      (call $map-first (local.get $source)) (call $drop-mapping (global.get $mapping)) return)
      ;; 20: grows its table to the limit.
      (loop $again (br_if $again (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable)
    (if (i32.gt_u (local.get $how) (i32.const 20))
      (then (call $attack-more (local.get $how) (local.get $source)) (return)))
    ;; 0: behaves, for now. `load` fails and `release` unmaps.
    (call $map-first (local.get $source)))

  (func (export "weighbridge:loader/loader@0.1.0#[static]session.open")
    (param $sources i32) (param $count i32) (param $how i32) (param i64 i32 i32 i32 i32 i32 i32) (result i32)
    (call $attack (local.get $how) (i32.load offset=8 (local.get $sources)))
    (i32.store (i32.const 264) (call $session-new (i32.const 7)))
    (i32.const 256))
  (func (export "weighbridge:loader/loader@0.1.0#formats") (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#describe") (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.missing") (param i32) (result i32)
    ;; The next name, where there is to be one: the one before it has been given.
    (if (i32.gt_u (global.get $misses) (i32.const 1)) (then
      (i32.store8 (i32.const 900) (i32.add (i32.load8_u (i32.const 900)) (i32.const 1)))))
    (if (global.get $misses) (then (global.set $misses (i32.const 2))))
    (i32.const 840))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.provide") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.summary") (param i32) (result i32) (i32.const 512))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.tensors") (param i32 i32 i32) (result i32) (i32.const 600))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.find") (param i32 i32 i32) (result i32) (i32.const 808))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.metadata") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.layout") (param i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.rewrite") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.findings") (param i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.load")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)
    (if (i32.eqz (global.get $loads)) (then unreachable))
    (i32.const 1024))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.release") (param i32 i32 i32 i32) (result i32)
    (call $unmap (global.get $mapping) (i32.const 320)) (call $done) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.evict") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.advise") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.states") (param i32 i32 i32) (result i32) (i32.const 704))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.slots") (param i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.buffers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.machines") (param i32) (result i32) (i32.const 0))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.observe") (param i32 i32))
  (func (export "weighbridge:loader/loader@0.1.0#[method]session.close") (param i32) (result i32) (i32.const 0))

  ;; `summary`: one source, one tensor.
  (data (i32.const 536) "\01\00\00\00\01\00\00\00")
  ;; `tensors`: the list at 640 of one; its name at 900, its offset 0, its 16 bytes.
  (data (i32.const 600) "\80\02\00\00\01\00\00\00")
  (data (i32.const 640) "\84\03\00\00\01\00\00\00\84\03\00\00\01\00\00\00")
  (data (i32.const 680) "\10")
  (data (i32.const 900) "t")
  ;; `states`: the list at 720 of one; mapped, and a location at offset 0 with 16 bytes; the id comes with the mapping.
  (data (i32.const 704) "\d0\02\00\00\01\00\00\00")
  (data (i32.const 720) "\03")
  (data (i32.const 736) "\01")
  (data (i32.const 768) "\10")
  ;; `find`: index 0.
  (data (i32.const 808) "\01"))
