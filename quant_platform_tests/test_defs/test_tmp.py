def test_x(lab):
    import time
    for s in ("2000-07-25",None):
        t=time.time(); e=lab.check("features_causality",s); print(e.passed,e.description,time.time()-t)
    t=time.time(); e=lab.check("price_jumps"); print(e.passed,e.description,time.time()-t)
